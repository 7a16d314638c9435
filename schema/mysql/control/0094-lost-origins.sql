-- The manifest of what was split, as the evidence has it: of a run that control has lost and whose key has ended,
-- nothing else says which one it was.
ALTER TABLE {{control}}.lost_splits
  ADD COLUMN manifest_digest VARBINARY(64) NULL
