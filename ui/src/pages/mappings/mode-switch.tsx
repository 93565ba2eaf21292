import { Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { type Settings, type SettingsPatch, useSaveSettings } from '../../api/settings.ts';
import { useConfirm } from '../../parts/confirm.tsx';
import { ResetSetting, SourceBadge } from '../../parts/setting-fields.tsx';
import { tellDone, tellError } from '../../parts/tell.ts';

const modes = ['off', 'shadow', 'on'] as const;
type Mode = (typeof modes)[number];

const modeOf = ({ enabled, mode }: Settings): Mode => (enabled ? (mode === 'shadow' ? 'shadow' : 'on') : 'off');

const patches: { readonly [M in Mode]: SettingsPatch } = {
  off: { enabled: false },
  shadow: { enabled: true, mode: 'shadow' },
  on: { enabled: true, mode: 'enforce' },
};

const sources = ['database', 'environment', 'file', 'default'] as const satisfies Settings['source']['mode'][];

/** Off, shadow or on: two settings of the gateway shown as one choice. */
export function ModeSwitch({ settings }: { readonly settings: Settings }) {
  const { t } = useTranslation('mappings');
  const { choose, reset, isSaving, dialog } = useModeChange();
  const mode = modeOf(settings);
  const { enabled, mode: kind } = settings.source;
  // If mapping is off, the source is that of `enabled`; otherwise that of the setting that was set explicitly.
  const source = mode === 'off' ? enabled : (sources.find(one => one === enabled || one === kind) ?? kind);
  return (
    <Stack gap={4}>
      <Group gap={6}>
        <Text size="xs" c="dimmed" fw={500}>
          {t('mode')}
        </Text>
        <SourceBadge source={source} />
        <ResetSetting label={t('mode')} source={enabled === 'database' ? enabled : kind} onReset={reset} />
      </Group>
      <SegmentedControl
        aria-label={t('mode')}
        data={modes.map(value => ({ value, label: t(`mode_${value}`) }))}
        value={mode}
        onChange={choose}
        disabled={isSaving}
        style={{ alignSelf: 'flex-start' }}
      />
      <Text size="xs" c="dimmed">
        {t(`modeText_${mode}`)}
      </Text>
      {dialog}
    </Stack>
  );
}

/** Saves another mode, or deletes the stored one, after a confirmation; the dialog has to be rendered. */
function useModeChange() {
  const { t } = useTranslation('mappings');
  const { t: shell } = useTranslation();
  const [ask, dialog] = useConfirm();
  const saving = useSaveSettings();
  const save = (patch: SettingsPatch) =>
    saving.mutate(patch, { onSuccess: () => tellDone(t('modeDone')), onError: cause => tellError(cause, shell) });
  const choose = (next: Mode) =>
    ask({
      title: t('modeAsk', { mode: t(`mode_${next}`) }),
      text: t(`modeText_${next}`),
      action: t('modeAction', { mode: t(`mode_${next}`) }),
      onConfirm: () => save(patches[next]),
    });
  const reset = () =>
    ask({
      title: t('resetAsk', { name: t('mode') }),
      text: t('resetText'),
      action: t('resetAction'),
      onConfirm: () => save({ enabled: null, mode: null }),
    });
  return { choose, reset, isSaving: saving.isPending, dialog };
}
