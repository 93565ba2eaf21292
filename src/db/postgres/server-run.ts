/**
 * SQL for the time at which the server was started, as a name that no other run of it, and no other server, has: a restore
 * of the server's files, a failover and a promotion change it. The same text whatever a session has set.
 */
export const serverRun = `to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')`;
