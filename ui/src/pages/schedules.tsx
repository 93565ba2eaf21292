import { useSession } from '../api/session.ts';
import { Schedules } from './schedules/schedules.tsx';

/** Both editions have schedules of pools; Team has those of mappings too. */
export default function Page() {
  const { edition } = useSession();
  return <Schedules isTeam={edition === 'team'} />;
}
