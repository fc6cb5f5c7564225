-- An attempt may be a slice of many short runs: what it measured, and each of its runs that failed or showed the wanted
-- failure's words. An attempt of one run has its failure in its own row.
ALTER TABLE attempts ADD COLUMN slice_json TEXT NOT NULL DEFAULT '';

CREATE TABLE run_failures (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  attempt_id INTEGER NOT NULL REFERENCES attempts (id),
  run INTEGER NOT NULL CHECK (run > 0),
  copy INTEGER NOT NULL,
  seed INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  explanation TEXT NOT NULL,
  match_grade TEXT CHECK (match_grade IN ('exact', 'same_site', 'same_class', 'other')),
  match_reasons TEXT NOT NULL DEFAULT '[]',
  failure_json TEXT NOT NULL DEFAULT '',
  exit_code INTEGER,
  term_signal INTEGER,
  duration_us INTEGER NOT NULL,
  log_offset INTEGER NOT NULL,
  log_bytes INTEGER NOT NULL,
  places_json TEXT NOT NULL DEFAULT '[]',
  UNIQUE (attempt_id, run)
) STRICT;
