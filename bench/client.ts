/** The generator's process: dials, plays and hangs up on the orders of its parent, so that its work is its own. */
import { type OpenLoad, openLoad } from './load.ts';
import type { LoadOrder, LoadResult } from './load-order.ts';

export type ClientOrder =
  | { readonly kind: 'open'; readonly load: LoadOrder }
  | { readonly kind: 'play' }
  | { readonly kind: 'close' };
export type ClientReply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'played'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string };

let open: OpenLoad | undefined;

process.on('message', (order: ClientOrder) => {
  obey(order).then(reply, (error: unknown) => reply({ kind: 'failed', message: String(error) }));
});
process.on('disconnect', () => process.exit());

async function obey(order: ClientOrder): Promise<ClientReply> {
  switch (order.kind) {
    case 'open':
      open = await openLoad(order.load);
      return { kind: 'opened' };
    case 'play':
      if (!open) return { kind: 'failed', message: 'nothing is open' };
      return { kind: 'played', result: await open.play() };
    case 'close':
      open?.close();
      open = undefined;
      return { kind: 'closed' };
    default:
      return order satisfies never;
  }
}

function reply(message: ClientReply): void {
  process.send?.(message);
}
