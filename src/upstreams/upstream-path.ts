/** `/rerank`, `/tokenize` and `/detokenize` lie beside `/v1` of a server, below whatever prefix it has. */
const version = /\/v1$/;

/** `basePath`: the path of base_url, without a slash at its end. */
export const upstreamPath = (
  basePath: string,
  { path, isAtRoot }: { readonly path: string; readonly isAtRoot: boolean },
): string => (isAtRoot ? basePath.replace(version, '') : basePath) + path;
