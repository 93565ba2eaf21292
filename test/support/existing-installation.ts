import { createHash } from 'node:crypto';

/** A key that was stored there, with its stored parts. */
export const storedKey = 'tok_of_an_earlier_installation_00000000000';
const hash = createHash('sha256').update(storedKey).digest('hex');

/** The tables of an earlier installation, with later additions of its operators. */
export const existingInstallation = `
  CREATE TABLE users (id SERIAL PRIMARY KEY, email TEXT UNIQUE NOT NULL, role TEXT NOT NULL, display_name TEXT,
    status TEXT NOT NULL DEFAULT 'active', created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), phone VARCHAR(20) CHECK (phone <> ''));
  CREATE INDEX idx_users_role ON users(role);
  CREATE TABLE api_keys (id SERIAL PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    key_hash TEXT UNIQUE NOT NULL, key_prefix TEXT NOT NULL, scopes TEXT, expires_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
  CREATE INDEX idx_api_keys_user ON api_keys(user_id);
  INSERT INTO users (email, role, phone) VALUES ('a@b', 'root_admin', '1'), ('c@d', 'gateway_user', NULL);
  INSERT INTO api_keys (user_id, key_hash, key_prefix, scopes)
    VALUES (1, 'h1', 'tok_1', '["a"]'), (2, '${hash}', 'tok_of_an_ea', NULL);`;
