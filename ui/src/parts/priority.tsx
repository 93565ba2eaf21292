import { Badge, type BadgeProps } from '@mantine/core';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';

/* Ten steps of the viridis scale (van der Walt and Smith, 2015), dark to light: its lightness rises evenly, so that
   the order is visible with every kind of colour vision and in print. The text on it is black or white, whichever
   contrasts by at least 4.5 : 1, and the level is always written beside the colour. */
const scale = [
  ['#440154', '#fff'],
  ['#482878', '#fff'],
  ['#3e4989', '#fff'],
  ['#31688e', '#fff'],
  ['#21777f', '#fff'],
  ['#1f9e89', '#000'],
  ['#35b779', '#000'],
  ['#6ece58', '#000'],
  ['#b5de2b', '#000'],
  ['#fde725', '#000'],
] as const;

export const levels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
export const levelColor = (level: number): string => scale[level]?.[0] ?? '#888888';
export const levelTextColor = (level: number): string => scale[level]?.[1] ?? '#000';

interface PriorityBadgeProps {
  readonly level: number;
  readonly size?: BadgeProps['size'];
}

export const PriorityBadge = memo(function PriorityBadge({ level, size }: PriorityBadgeProps) {
  const { t } = useTranslation();
  const [background, color] = scale[level] ?? ['#888888', '#000'];
  return (
    <Badge
      radius="sm"
      size={size}
      miw={36}
      styles={{ root: { background, color, border: '1px solid var(--mantine-color-default-border)', flexShrink: 0 } }}
      title={t('priority', { level })}
    >
      P{level}
    </Badge>
  );
});
