"""Questions about tables, put as spreadsheet tasks: WikiTableQuestions and HiTab."""
