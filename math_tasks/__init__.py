"""Mathematics problems with an integer answer: DAPO-Math and AIME."""
