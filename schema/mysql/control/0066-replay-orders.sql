-- What a restored control store must know again before anything goes under an order: stops of orders, keys of
-- people that were taken out, and rules of approvals. Each only ever takes an order out of force.
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_order_stop(
  IN p_tenant VARBINARY(64), IN p_order VARBINARY(64), IN p_kind VARBINARY(16), IN p_reason VARBINARY(32),
  IN p_by VARBINARY(64), IN p_at DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  -- Also of an order that control does not know any more: sent again, it is stopped already.
  INSERT INTO {{control}}.deletion_order_stops (order_id, tenant_id, kind, document, digest, reason, signer_kid,
      stopped_by, stopped_at)
    SELECT p_order, p_tenant, p_kind, '', REPEAT('0', 64), p_reason, '', p_by, COALESCE(p_at, {{control}}.lethe_now())
      FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {{control}}.deletion_order_stops WHERE order_id = p_order);
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_signer_revocation(
  IN p_kid VARBINARY(43), IN p_change VARBINARY(64), IN p_at DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  INSERT INTO {{control}}.signer_revocations (kid, change_id, revoked_at)
    SELECT p_kid, p_change, p_at FROM DUAL
      WHERE NOT EXISTS (SELECT 1 FROM {{control}}.signer_revocations WHERE kid = p_kid);
END
$$
CREATE DEFINER={{definer}} PROCEDURE {{control}}.replay_approval_rule(
  IN p_change VARBINARY(64), IN p_approvals INT UNSIGNED, IN p_hours INT UNSIGNED, IN p_at DATETIME(6))
SQL SECURITY DEFINER
BEGIN
  INSERT INTO {{control}}.approval_rules (rule_number, approvals_needed, approve_within_hours, change_id, set_at)
    SELECT (SELECT MAX(r.rule_number) + 1 FROM {{control}}.approval_rules r), p_approvals, p_hours, p_change, p_at
      FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {{control}}.approval_rules WHERE change_id = p_change);
END
