-- What proves the ledger to outsiders. The tiles follow from the entries and can be computed anew; they
-- make a proof cheap. Signed checkpoints are beside their index; the locked objects remain the truth.
ALTER TABLE {{evidence}}.checkpoints
  ADD COLUMN signed LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
$$
CREATE TABLE {{evidence}}.tree_tiles (
  level TINYINT UNSIGNED NOT NULL,
  tile_index BIGINT UNSIGNED NOT NULL,
  hashes VARBINARY(8192) NOT NULL,
  root VARBINARY(32) NOT NULL,
  PRIMARY KEY (level, tile_index)
) ENGINE=InnoDB
$$
CREATE TABLE {{evidence}}.certificate_signatures (
  certificate_id VARBINARY(64) NOT NULL,
  key_id VARBINARY(64) NOT NULL,
  protected VARBINARY(1024) NOT NULL,
  signature VARBINARY(128) NOT NULL,
  signed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (certificate_id, key_id)
) ENGINE=InnoDB
$$
