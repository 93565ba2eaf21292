export const nobody = 65534;

/** Put before a command: we become `nobody` in a namespace of our own, and keep our rights on root's files outside of it. */
export const namespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`] as const;
