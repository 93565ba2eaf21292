import type { Texts } from '../shape.ts';

export const schedules: Texts['schedules'] = {
  title: '时间表',
};
