"""The report: one offline page that shows what a run came to and what it rests on."""
