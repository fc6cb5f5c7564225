-- What an analysis found beside the evidence: checklist, likely causes, job and test in the checkout. Apart from the
-- cases, because it is long and only the analysis itself is asked for it.
CREATE TABLE case_findings (
  case_id INTEGER PRIMARY KEY REFERENCES cases (id),
  findings_json TEXT NOT NULL
) STRICT;
