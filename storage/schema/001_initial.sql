-- Columns as in storage/records.hpp. Enumerations are closed by CHECKs; times are milliseconds since the Unix epoch.
CREATE TABLE hosts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  UNIQUE (name, fingerprint)
) STRICT;

CREATE TABLE cases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  folder TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  evidence_json TEXT,
  signature_json TEXT,
  analyzed_at_ms INTEGER,
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1))
) STRICT;

CREATE TABLE campaigns (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL REFERENCES cases (id),
  host_id INTEGER NOT NULL REFERENCES hosts (id),
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'finished')),
  outcome TEXT CHECK (outcome IN ('reproduced', 'not_reproduced', 'deterministic', 'margin', 'board_unusable',
                                  'setup_error', 'cancelled')),
  reason TEXT NOT NULL DEFAULT '',
  mode TEXT NOT NULL CHECK (mode IN ('quick', 'soak')),
  boards TEXT NOT NULL,
  signature_json TEXT NOT NULL,
  policy_json TEXT NOT NULL,
  seed INTEGER NOT NULL,
  budget_ms INTEGER NOT NULL CHECK (budget_ms > 0),
  spent_ms INTEGER NOT NULL DEFAULT 0,
  requested_by TEXT NOT NULL,
  report_json TEXT NOT NULL DEFAULT '',
  created_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER,
  ended_at_ms INTEGER,
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
  CHECK ((state = 'finished') = (outcome IS NOT NULL))
) STRICT;
CREATE INDEX campaigns_by_case ON campaigns (case_id, id);
CREATE INDEX campaigns_by_state ON campaigns (state, id);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
  case_id INTEGER NOT NULL REFERENCES cases (id),
  host_id INTEGER NOT NULL REFERENCES hosts (id),
  number INTEGER NOT NULL CHECK (number > 0),
  phase TEXT NOT NULL CHECK (phase IN ('screen', 'search', 'confirm', 'reduce')),
  arm TEXT NOT NULL,
  parameters TEXT NOT NULL,
  seed INTEGER NOT NULL,
  subject TEXT NOT NULL DEFAULT '',
  created_at_ms INTEGER NOT NULL,
  spawned_at_ms INTEGER,
  ended_at_ms INTEGER,
  verdict TEXT CHECK (verdict IN ('reproduced', 'passed', 'different_failure', 'contention', 'hang', 'timed_out',
                                  'setup_error', 'infrastructure', 'cancelled', 'lost')),
  reason TEXT NOT NULL DEFAULT '',
  explanation TEXT NOT NULL DEFAULT '',
  match_grade TEXT CHECK (match_grade IN ('exact', 'same_site', 'same_class', 'other')),
  match_reasons TEXT NOT NULL DEFAULT '[]',
  failure_json TEXT NOT NULL DEFAULT '',
  exit_code INTEGER,
  term_signal INTEGER,
  runs INTEGER NOT NULL DEFAULT 0,
  matched INTEGER NOT NULL DEFAULT 0,
  different INTEGER NOT NULL DEFAULT 0,
  infrastructure INTEGER NOT NULL DEFAULT 0,
  exposure_ms INTEGER NOT NULL DEFAULT 0,
  iterations INTEGER NOT NULL DEFAULT 0,
  log_bytes INTEGER NOT NULL DEFAULT 0,
  log_offset INTEGER NOT NULL DEFAULT 0,
  UNIQUE (case_id, number)
) STRICT;
CREATE INDEX attempts_by_campaign ON attempts (campaign_id, id);
CREATE INDEX attempts_open ON attempts (id) WHERE verdict IS NULL;

CREATE TABLE log_signals (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  attempt_id INTEGER NOT NULL REFERENCES attempts (id),
  rule TEXT NOT NULL,
  signal_class TEXT NOT NULL CHECK (signal_class IN ('device_timeout', 'contention', 'board_broken', 'crash',
                                                     'exception', 'test_timeout', 'setup_error', 'worker_down',
                                                     'triage', 'progress', 'test_begin', 'run_ending', 'note')),
  offset INTEGER NOT NULL,
  line TEXT NOT NULL,
  fields_json TEXT NOT NULL DEFAULT '{}',
  seen_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX log_signals_by_attempt ON log_signals (attempt_id, id);

CREATE TABLE boards (
  name TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('unknown', 'clean', 'dirty', 'resetting', 'quarantined')),
  reason TEXT NOT NULL DEFAULT '',
  leased_by INTEGER REFERENCES campaigns (id),
  changed_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE resets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  board TEXT NOT NULL REFERENCES boards (name),
  campaign_id INTEGER REFERENCES campaigns (id),
  command TEXT NOT NULL,
  devices_before TEXT NOT NULL,
  devices_after TEXT NOT NULL DEFAULT '[]',
  requested_by TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  result TEXT CHECK (result IN ('verified', 'failed', 'unverified')),
  reason TEXT NOT NULL DEFAULT '',
  output TEXT NOT NULL DEFAULT '',
  exit_code INTEGER,
  duration_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX resets_by_board ON resets (board, id);
CREATE UNIQUE INDEX resets_open ON resets (board) WHERE result IS NULL;

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  campaign_id INTEGER,
  attempt_id INTEGER,
  subject TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX events_by_campaign ON events (campaign_id, id);
