"""Does a lesson help?"""
