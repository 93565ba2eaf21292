import { List, Paper, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ExplainedRoute } from '../../api/explain.ts';

interface RouteCardProps {
  readonly route: ExplainedRoute;
  /** Null: it depends on the rest of the key. */
  readonly level: number | null;
}

/** Where the requests for the model go, and whether they spill. */
export function RouteCard({ route, level }: RouteCardProps) {
  const { t } = useTranslation('explain');
  const { asked, name, targets } = route;
  const isAlias = name !== null && name !== asked;
  const said = name === null ? 'routeNone' : isAlias ? 'routeAlias' : 'routeOwn';
  return (
    <Paper withBorder p="md" component="section" aria-label={t('route')}>
      <Stack gap={6}>
        <Text fw={600} size="sm">
          {t('route')}
        </Text>
        <Text size="sm">{t(targets.length === 0 ? 'routeNoTarget' : said, { asked, name })}</Text>
        <List type="ordered" size="sm">
          {placesOf(targets).map(place => (
            <List.Item key={place[0]?.place}>
              <Place targets={place} />
            </List.Item>
          ))}
        </List>
        <Spill route={route} level={level} />
      </Stack>
    </Paper>
  );
}

type Targets = ExplainedRoute['targets'];

const placesOf = (targets: Targets): Targets[] => [...Map.groupBy(targets, ({ place }) => place).values()];

function Place({ targets }: { readonly targets: Targets }) {
  const { t } = useTranslation('explain');
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  return targets.map(target => (
    <Text size="sm" key={`${target.provider}:${target.model}`}>
      {t('routeTarget', { ...target })}
      {targets.length > 1 && ` · ${t('routeShare', { weight: target.weight, sum })}`}
    </Text>
  ));
}

function Spill({ route: { targets, spill_after_sec: sec, spill_levels, spills }, level }: RouteCardProps) {
  const { t } = useTranslation('explain');
  if (targets.length < 2) return null;
  if (spill_levels === null) return <Text size="sm">{t('spillNone')}</Text>;
  const levels = spill_levels.map(one => `P${one}`).join(', ');
  const said = spills === null ? 'spillDepends' : spills ? 'spillMay' : 'spillNot';
  return <Text size="sm">{t(said, { level, levels, sec })}</Text>;
}
