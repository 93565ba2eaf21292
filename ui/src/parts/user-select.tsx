import { useUser, useUsers } from '../api/users.ts';
import { searchSelect } from './search-select.tsx';

const mostShown = 20;

export const UserSelect = searchSelect({
  useOne: useUser,
  useFound: q => {
    const { data, isFetching } = useUsers({ q, limit: mostShown, offset: 0 });
    return { data: data?.users, isFetching };
  },
  label: ({ email }) => email,
  detail: ({ display_name }) => display_name,
});
