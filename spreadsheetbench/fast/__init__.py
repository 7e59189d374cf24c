"""The lazy reader, and the proof that openpyxl would agree."""
