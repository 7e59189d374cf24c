"""The console command: every stage behind one `trace2skill --help`."""
