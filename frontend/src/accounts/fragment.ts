// What stands after `#` in an address, a shared list or a chain, is no server's business, and comes through the sign-in
// all the same: a form that is posted to an address with it is led on with it.

export function keepFragment(forms: Iterable<HTMLFormElement>, hash: string): void {
  if (!hash) return;
  for (const form of forms) {
    if (form.method === "post") form.action = form.action.split("#")[0] + hash;
  }
}
