/** Apart from gateway.ts: whoever starts a gateway as a program does not load all of it for this. */
export const adminKey = 'tok_admin_key_of_the_tests_0123456789';
