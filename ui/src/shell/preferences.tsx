import { Menu, useMantineColorScheme } from '@mantine/core';
import { IconCheck, IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { chooseLanguage, type Language, languages } from '../texts/texts.ts';
import { HeaderMenu } from './header-menu.tsx';

const schemes = { light: IconSun, dark: IconMoon, auto: IconDeviceDesktop } as const;
const schemeNames = Object.keys(schemes) as (keyof typeof schemes)[];
const languageNames = Object.keys(languages) as Language[];

/** Language and colours; both are stored in this browser. */
export function Preferences() {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Scheme = schemes[colorScheme];
  const chosen = (isChosen: boolean) => (isChosen ? <IconCheck size={14} /> : null);
  return (
    <>
      <HeaderMenu label={t('language')} icon={<IconLanguage size={20} />}>
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
      </HeaderMenu>
      <HeaderMenu label={t('colorScheme')} icon={<Scheme size={20} />}>
        {schemeNames.map(name => (
          <Menu.Item key={name} rightSection={chosen(colorScheme === name)} onClick={() => setColorScheme(name)}>
            {t(name)}
          </Menu.Item>
        ))}
      </HeaderMenu>
    </>
  );
}
