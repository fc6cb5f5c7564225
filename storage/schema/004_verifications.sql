-- Verifications: campaigns of their own mode and outcomes, whose attempts have a phase of their own. SQLite changes a CHECK
-- only with its table; other tables refer to these two by name, and so to the new ones.
CREATE TABLE new_campaigns (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL REFERENCES cases (id),
  host_id INTEGER NOT NULL REFERENCES hosts (id),
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'finished')),
  outcome TEXT CHECK (outcome IN ('reproduced', 'not_reproduced', 'deterministic', 'margin', 'board_unusable',
                                  'setup_error', 'cancelled', 'fixed', 'still_failing', 'undecided')),
  reason TEXT NOT NULL DEFAULT '',
  mode TEXT NOT NULL CHECK (mode IN ('quick', 'soak', 'verify', 'replay')),
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
INSERT INTO new_campaigns (
  id, case_id, host_id, state, outcome, reason, mode, boards, signature_json, policy_json, seed, budget_ms,
  spent_ms, requested_by, report_json, created_at_ms, started_at_ms, ended_at_ms, cancel_requested)
SELECT
  id, case_id, host_id, state, outcome, reason, mode, boards, signature_json, policy_json, seed, budget_ms,
  spent_ms, requested_by, report_json, created_at_ms, started_at_ms, ended_at_ms, cancel_requested
FROM campaigns;
DROP TABLE campaigns;
ALTER TABLE new_campaigns RENAME TO campaigns;
CREATE INDEX campaigns_by_case ON campaigns (case_id, id);
CREATE INDEX campaigns_by_state ON campaigns (state, id);

CREATE TABLE new_attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
  case_id INTEGER NOT NULL REFERENCES cases (id),
  host_id INTEGER NOT NULL REFERENCES hosts (id),
  number INTEGER NOT NULL CHECK (number > 0),
  phase TEXT NOT NULL CHECK (phase IN ('screen', 'search', 'confirm', 'reduce', 'verify', 'replay')),
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
  slice_json TEXT NOT NULL DEFAULT '',
  UNIQUE (case_id, number)
) STRICT;
INSERT INTO new_attempts (
  id, campaign_id, case_id, host_id, number, phase, arm, parameters, seed, subject, created_at_ms,
  spawned_at_ms, ended_at_ms, verdict, reason, explanation, match_grade, match_reasons, failure_json,
  exit_code, term_signal, runs, matched, different, infrastructure, exposure_ms, iterations, log_bytes,
  log_offset, slice_json)
SELECT
  id, campaign_id, case_id, host_id, number, phase, arm, parameters, seed, subject, created_at_ms,
  spawned_at_ms, ended_at_ms, verdict, reason, explanation, match_grade, match_reasons, failure_json,
  exit_code, term_signal, runs, matched, different, infrastructure, exposure_ms, iterations, log_bytes,
  log_offset, slice_json
FROM attempts;
DROP TABLE attempts;
ALTER TABLE new_attempts RENAME TO attempts;
CREATE INDEX attempts_by_campaign ON attempts (campaign_id, id);
CREATE INDEX attempts_open ON attempts (id) WHERE verdict IS NULL;
