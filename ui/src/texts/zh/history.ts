import type { Texts } from '../shape.ts';

export const history: Texts['history'] = {
  title: '历史',
};
