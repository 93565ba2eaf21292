import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 allocate every object in the young generation. To be called before anything is served.
 *
 * Where most objects of one place in the code survived a few collections, V8 allocates all later ones of that place in
 * the old generation. Here they survive in a burst only, while the young generation is still small. From then on each
 * request had an old object, which died with it, and kept all else of the request from being collected until the next
 * major collection (docs/decisions/0032-objects-of-requests-stay-young.md).
 */
export function keepObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
