-- The gateway.db of a Personal edition of 0.1.0 (its tree of 2026-11-30, migrations 1 to 5), filled by its own admin API
-- and written by sqlite3's .dump. Never changed: what later releases must start on.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE tokligence_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
INSERT INTO tokligence_migrations VALUES(1,'users, keys, mappings and their settings','2026-11-30T16:34:57.016Z');
INSERT INTO tokligence_migrations VALUES(2,'settings of pools','2026-11-30T16:34:57.017Z');
INSERT INTO tokligence_migrations VALUES(3,'boosts and schedules','2026-11-30T16:34:57.017Z');
INSERT INTO tokligence_migrations VALUES(4,'history','2026-11-30T16:34:57.017Z');
INSERT INTO tokligence_migrations VALUES(5,'sessions of the console','2026-11-30T16:34:57.017Z');
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE NOT NULL, role TEXT NOT NULL, display_name TEXT,
    status TEXT NOT NULL DEFAULT 'active', created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
INSERT INTO users VALUES(1,'admin@local','root_admin',NULL,'active','2026-11-30T16:34:57.052Z','2026-11-30T16:34:57.052Z');
INSERT INTO users VALUES(2,'ann@example.com','gateway_user','Ann','active','2026-11-30T16:35:02.498Z','2026-11-30T16:35:02.498Z');
CREATE TABLE api_keys (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    key_hash TEXT UNIQUE NOT NULL, key_prefix TEXT NOT NULL, scopes TEXT, expires_at TEXT, created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
INSERT INTO api_keys VALUES(1,1,'e582689dbcafbc4a92ed6d4ccb58514dbd93e7ddbc21c3df5ccbea5b05361958','tok_',NULL,NULL,'2026-11-30T16:34:57.052Z','2026-11-30T16:34:57.052Z');
INSERT INTO api_keys VALUES(2,2,'33cadc177cdbed9016fa3f9e5fcde1178ed2c14144d88cf28ed322badc80861e','tok_prod_Bqh','["a","b"]',NULL,'2026-11-30T16:35:02.532Z','2026-11-30T16:35:02.532Z');
INSERT INTO api_keys VALUES(3,2,'db693822f08e62e0ddae463debc3333fb8b27b1045fbe8f72c3286f28f93eed0','tok_TbHDyHnu',NULL,'2099-01-01T00:00:00.000Z','2026-11-30T16:35:02.673Z','2026-11-30T16:35:02.673Z');
CREATE TABLE scheduler_pool_config (pool TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, description TEXT, updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (pool, key));
INSERT INTO scheduler_pool_config VALUES('local','policy','wfq',NULL,'2026-11-30T16:35:02.774Z');
INSERT INTO scheduler_pool_config VALUES('local','reserved','1,0,0,0,0,0,0,0,0,0',NULL,'2026-11-30T16:35:02.774Z');
CREATE TABLE scheduler_pool_schedules (id INTEGER PRIMARY KEY AUTOINCREMENT, pool TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, weekdays TEXT NOT NULL, start_time TEXT NOT NULL, end_time TEXT NOT NULL, zone TEXT NOT NULL,
    description TEXT, created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), created_by TEXT);
CREATE TABLE console_sessions (token_hash TEXT PRIMARY KEY, key_id BIGINT NOT NULL, user_id BIGINT NOT NULL,
    created_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, expires_at TEXT NOT NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('users',2);
INSERT INTO sqlite_sequence VALUES('api_keys',3);
CREATE INDEX idx_users_role ON users(role);
CREATE INDEX idx_api_keys_user ON api_keys(user_id);
CREATE INDEX idx_api_keys_prefix ON api_keys(key_prefix);
CREATE INDEX idx_scheduler_pool_schedules_pool ON scheduler_pool_schedules(pool);
CREATE INDEX idx_console_sessions_user ON console_sessions(user_id);
COMMIT;
