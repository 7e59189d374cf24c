"""The evolver: lessons become patches, patches one patch, and the patch a checked skill."""
