/**
 * What a session needs of a socket. The door that accepted it sees to the rest: frame limits, and that no close
 * frame ever leaves except by `hangUp`.
 */
export interface CallSocket {
  /** Sends one text frame; a socket that is gone swallows it, since Retell will redial. */
  send(text: string): void;
  /** An update that may still be overtaken waits unread: hands it out, by `onFrame`, and says whether there was one. */
  pull(): boolean;
  /** That update is of no more use: a frame that came after it says all it says. */
  forget(): void;
  /** Lets go without a close frame (Retell sees 1006): the call lives, and Retell dials back. */
  terminate(): void;
  /** Close 1000: ends the call on purpose. */
  hangUp(): void;
}

/** What the door tells the session, in the order it happens; each returns at once. */
export interface SocketListener {
  /** A whole text frame; its bytes may be gone once this returns. */
  onFrame(bytes: Buffer): void;
  /** An update came and waits until something follows it, or `pull`; it may have overtaken another. */
  onWaiting(): void;
  /** The socket is gone, whoever let go; nothing follows. */
  onClosed(): void;
}
