/** The configured admin and the database contradict each other; only the operator can mend that. */
export class IdentityFault extends Error {
  override readonly name = 'IdentityFault';
}

export const wrongRole = (email: string, role: string): IdentityFault =>
  new IdentityFault(
    `auth.admin_email is ${email}, who is a ${role}: name a root_admin, or an e-mail that nobody has yet.`,
  );

export const keyOfAnother = (email: string, userId: number): IdentityFault =>
  new IdentityFault(`auth.admin_key is already the key of user ${userId}: choose another one for ${email}.`);
