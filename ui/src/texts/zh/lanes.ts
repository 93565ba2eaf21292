import type { Texts } from '../shape.ts';

export const lanes: Texts['lanes'] = {
  title: '车道',
};
