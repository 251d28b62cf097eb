// What the address says after `#`: which view, and of what. Pure; each view's own module knows how its part is written.
import { type Address, chainOf } from "./chain/address";
import { type PayoffAddress, payoffOf } from "./payoff/address";
import { type VolatilityAddress, volatilityOf } from "./volatility/address";

/** `list` is also what an address without a meaning leads to; `id` is null where it names none. */
export type Route =
  | { readonly view: "list"; readonly id: number | null }
  | { readonly view: "shared"; readonly key: string }
  | { readonly view: "chain"; readonly to: Address }
  | { readonly view: "payoff"; readonly to: PayoffAddress }
  | { readonly view: "volatility"; readonly to: VolatilityAddress };

/** What the middle of the page shows. */
export type View = Route["view"];

export function routeOf(hash: string): Route {
  const chain = chainOf(hash);
  if (chain) return { view: "chain", to: chain };
  const payoff = payoffOf(hash);
  if (payoff) return { view: "payoff", to: payoff };
  const volatility = volatilityOf(hash);
  if (volatility) return { view: "volatility", to: volatility };
  const key = /^#shared\/([A-Za-z0-9_-]{1,64})$/.exec(hash)?.[1];
  if (key) return { view: "shared", key };
  const id = /^#list-(\d{1,15})$/.exec(hash)?.[1];
  return { view: "list", id: id ? Number(id) : null };
}
