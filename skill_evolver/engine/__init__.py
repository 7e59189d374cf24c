"""From lessons to a written skill: propose, merge, finish, write."""
