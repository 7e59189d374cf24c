"""Which of the learned patches belong into the skill?"""
