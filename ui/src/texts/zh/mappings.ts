import type { Texts } from '../shape.ts';

export const mappings: Texts['mappings'] = {
  title: '映射',
};
