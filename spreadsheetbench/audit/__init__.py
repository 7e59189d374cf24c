"""What is wrong with a data set before anybody runs on it."""
