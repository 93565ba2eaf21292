import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answered, ExplainedRow } from '../../api/explain.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { MappingLink } from './mapping-link.tsx';
import { Station, type StationState } from './station.tsx';

interface StationOf {
  readonly explanation: Answered;
}

const Line = ({ children, isAside = false }: { readonly children: ReactNode; readonly isAside?: boolean }) => (
  <Text size="sm" c={isAside ? 'dimmed' : undefined} component="div">
    {children}
  </Text>
);

export function HeaderStation({ explanation: { source, x_priority } }: StationOf) {
  const { t } = useTranslation('explain');
  const { asked, policy, allowed } = x_priority;
  const doubt = source === null && asked !== null ? 'unknown' : 'passed';
  const state = source === 'header' ? 'decided' : doubt;
  const said = {
    decided: 'headerCounts',
    unknown: 'headerUnknown',
    passed: asked === null ? 'headerNotSent' : 'headerRefused',
  } as const;
  return (
    <Station name={t('header')} state={state}>
      <Line>{t(said[state], { level: asked })}</Line>
      <Line isAside>{t(`policy_${policy}`)}</Line>
      {policy !== 'ignore' && (
        <Line isAside>{allowed === null ? t('allowedUnknown') : t('allowed', { levels: levelsText(allowed) })}</Line>
      )}
    </Station>
  );
}

/** Returns `P5–P9`, or single levels if some in between are missing. */
function levelsText(levels: readonly number[]): string {
  const [first = 0] = levels;
  const last = levels.at(-1) ?? first;
  const isWhole = levels.length > 2 && last - first === levels.length - 1;
  return isWhole ? `P${first}–P${last}` : levels.map(level => `P${level}`).join(', ');
}

export function MappingStation({ explanation }: StationOf) {
  const { t } = useTranslation('explain');
  const { winner, certain, source, if_enforced, mappings, mapping } = explanation;
  const lost = mappings.filter(({ standing, answer }) => standing === 'loses' && answer === 'match');
  const isOff = if_enforced !== null;
  return (
    <Station name={t('mapping')} state={mappingState(explanation)}>
      {isOff && <Line>{t(mapping.enabled ? 'mappingShadow' : 'mappingOff')}</Line>}
      {winner && <Winner row={winner} />}
      {winner && source === 'header' && !isOff && <Line>{t('mappingGivesTenant')}</Line>}
      {certain && winner === null && <Line>{t('mappingNone')}</Line>}
      {!certain && <MayWin explanation={explanation} />}
      {lost.length > 0 && <Line isAside>{t('mappingLost', { ids: idsText(lost) })}</Line>}
    </Station>
  );
}

const shownIds = 5;
const idsText = (rows: readonly ExplainedRow[]): string =>
  rows
    .slice(0, shownIds)
    .map(({ id, effective_priority }) => `#${id} (P${effective_priority})`)
    .join(', ') + (rows.length > shownIds ? ', …' : '');

function mappingState({ source, winner, certain, if_enforced }: Answered): StationState {
  if (if_enforced !== null) return 'off';
  if (source === 'mapping') return 'decided';
  if (!certain) return 'unknown';
  return source === 'header' && winner === null ? 'idle' : 'passed';
}

function Winner({ row }: { readonly row: ExplainedRow }) {
  const { t } = useTranslation('explain');
  return (
    <>
      <Group gap={6} wrap="nowrap" align="flex-start">
        <PriorityBadge level={row.effective_priority} />
        <MappingLink row={row} />
      </Group>
      <Line isAside>
        {t('matchOf', { id: row.id, match: t(`match_${row.match_type}`) })}
        {row.effective_source !== 'row' && ` ${t(`effective_${row.effective_source}`, { level: row.priority })}`}
      </Line>
    </>
  );
}

function MayWin({ explanation: { mappings } }: StationOf) {
  const { t } = useTranslation('explain');
  const may = mappings.filter(({ standing }) => standing === 'may_win');
  const isOneSure = may.some(({ answer }) => answer === 'match');
  return (
    <>
      <Line>{t('mappingMay', { ids: idsText(may) })}</Line>
      {!isOneSure && <Line>{t('mappingMayNone')}</Line>}
    </>
  );
}

export function DefaultStation({ explanation: { source, priority, certain, if_enforced } }: StationOf) {
  const { t } = useTranslation('explain');
  const isOpen = source === null && !certain && if_enforced === null;
  const doubt = isOpen ? 'unknown' : 'idle';
  const state = source === 'default' ? 'decided' : doubt;
  return (
    <Station name={t('default')} state={state}>
      {state === 'decided' && priority !== null && (
        <Group gap={6}>
          <PriorityBadge level={priority} />
        </Group>
      )}
      <Line>{t(`default_${state}`)}</Line>
    </Station>
  );
}
