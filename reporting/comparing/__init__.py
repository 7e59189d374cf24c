"""Is one run better than another?"""
