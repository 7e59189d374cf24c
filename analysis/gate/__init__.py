"""Does a repair hold?"""
