import { Divider, Group, Paper, Stack, Text } from '@mantine/core';
import { IconFlag } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answered } from '../../api/explain.ts';
import { useUser } from '../../api/users.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { UserLink } from '../../parts/user-link.tsx';
import classes from './path.module.css';

/** The last station: the result for a request. */
export function Outcome({ explanation }: { readonly explanation: Answered }) {
  const { t } = useTranslation('explain');
  const { if_enforced, user_id, isWhole } = explanation;
  const isNobody = isWhole && user_id === null;
  return (
    <li className={classes.stop} data-state="end" aria-label={t('outcome')}>
      <span className={classes.bullet} aria-hidden>
        <IconFlag size={16} />
      </span>
      <Paper withBorder p="sm" className={classes.card}>
        <Stack gap={6}>
          <Text fw={600} size="sm">
            {t('outcome')}
          </Text>
          <Level level={explanation.priority} />
          {if_enforced === null && <Tenant explanation={explanation} />}
          <Flow id={explanation.flow_id} isNobody={isNobody} />
          {user_id !== null && (
            <Fact name={t('user')}>
              <User id={user_id} />
            </Fact>
          )}
          {if_enforced && (
            <>
              <Divider />
              <Text fw={600} size="sm">
                {t('ifEnforced')}
              </Text>
              <Level level={if_enforced.priority} />
              <Fact name={t('decidedBy')}>{if_enforced.source ? t(`source_${if_enforced.source}`) : t('depends')}</Fact>
              <Tenant explanation={explanation} />
              <Flow id={if_enforced.flow_id} isNobody={isNobody} />
            </>
          )}
        </Stack>
      </Paper>
    </li>
  );
}

function Tenant({ explanation: { tenant, certain } }: { readonly explanation: Answered }) {
  const { t } = useTranslation('explain');
  const text = tenant && [tenant.tenant_name, tenant.tenant_id].filter(name => name !== null).join(' · ');
  return <Fact name={t('tenant')}>{text || (certain ? t('noTenant') : t('depends'))}</Fact>;
}

function Level({ level }: { readonly level: number | null }) {
  const { t } = useTranslation('explain');
  if (level !== null) return <PriorityBadge level={level} size="xl" />;
  return <Text size="sm">{t('dependsOnRest')}</Text>;
}

function Flow({ id, isNobody }: { readonly id: string | null; readonly isNobody: boolean }) {
  const { t } = useTranslation('explain');
  return (
    <Fact name={t('flow')}>
      {id === null ? t(isNobody ? 'flowUnknown' : 'depends') : <span className="mono">{id}</span>}
    </Fact>
  );
}

function User({ id }: { readonly id: number }) {
  const email = useUser(id).data?.email;
  return email === undefined ? `#${id}` : <UserLink email={email} />;
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <Group gap={6} wrap="nowrap" align="baseline">
      <Text size="sm" c="dimmed" miw={52}>
        {name}
      </Text>
      <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
        {children}
      </Text>
    </Group>
  );
}
