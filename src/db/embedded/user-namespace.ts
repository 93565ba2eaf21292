export const nobody = 65534;

/**
 * Prefix of a command: the process becomes `nobody` in its own namespace, and keeps root's rights on files outside of
 * it.
 */
export const namespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`] as const;
