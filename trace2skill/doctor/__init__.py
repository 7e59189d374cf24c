"""Can a run start here, and can its numbers be believed?"""
