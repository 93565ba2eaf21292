import { ActionIcon, Menu, useMantineColorScheme } from '@mantine/core';
import { IconCheck, IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { chooseLanguage, type Language, languages } from '../texts/texts.ts';

const schemes = { light: IconSun, dark: IconMoon, auto: IconDeviceDesktop } as const;
const schemeNames = Object.keys(schemes) as (keyof typeof schemes)[];
const languageNames = Object.keys(languages) as Language[];

/** Language and colours; both are kept in this browser. */
export function Preferences() {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Scheme = schemes[colorScheme];
  const chosen = (isChosen: boolean) => (isChosen ? <IconCheck size={14} /> : null);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('language')}>
            <IconLanguage size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {languageNames.map(name => (
            <Menu.Item
              key={name}
              lang={name}
              rightSection={chosen(i18n.language === name)}
              onClick={() => void chooseLanguage(name)}
            >
              {languages[name]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('colorScheme')}>
            <Scheme size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {schemeNames.map(name => (
            <Menu.Item key={name} rightSection={chosen(colorScheme === name)} onClick={() => setColorScheme(name)}>
              {t(name)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
