"""The spreadsheet agents: prompts, skills, rollouts over SpreadsheetBench and their logs."""
