-- The platform's book. Times are milliseconds since the Unix epoch, money is fen.
CREATE TABLE meta (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  version  INTEGER NOT NULL,
  book_key BLOB NOT NULL CHECK (length(book_key) = 32)
) STRICT;

CREATE TABLE merchants (
  channel     TEXT NOT NULL CHECK (channel IN ('wechat', 'alipay')),
  account     TEXT NOT NULL,
  sub_account TEXT NOT NULL,
  secret      BLOB NOT NULL CHECK (length(secret) = 32),
  reversal    BLOB NOT NULL CHECK (length(reversal) = 32),
  PRIMARY KEY (channel, account, sub_account)
) STRICT;

CREATE TABLE orders (
  channel      TEXT NOT NULL,
  account      TEXT NOT NULL,
  sub_account  TEXT NOT NULL,
  number       TEXT NOT NULL,
  total        INTEGER NOT NULL CHECK (total > 0),
  subject      TEXT NOT NULL,
  scenario     INTEGER NOT NULL,
  payment_no   TEXT NOT NULL UNIQUE,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  visible_from INTEGER NOT NULL,
  prompt_until INTEGER NOT NULL,
  captured_at  INTEGER CHECK (captured_at < expires_at),
  reversed_at  INTEGER,
  reverses     INTEGER NOT NULL,
  PRIMARY KEY (channel, account, sub_account, number),
  FOREIGN KEY (channel, account, sub_account) REFERENCES merchants
) STRICT;

CREATE TABLE refunds (
  channel       TEXT NOT NULL,
  account       TEXT NOT NULL,
  sub_account   TEXT NOT NULL,
  refund_number TEXT NOT NULL,
  number        TEXT NOT NULL,
  refund_id     TEXT NOT NULL UNIQUE,
  amount        INTEGER NOT NULL CHECK (amount > 0),
  requested_at  INTEGER NOT NULL,
  settles_at    INTEGER NOT NULL,
  ending        TEXT NOT NULL CHECK (ending IN ('success', 'abnormal', 'failed')),
  PRIMARY KEY (channel, account, sub_account, refund_number),
  FOREIGN KEY (channel, account, sub_account, number) REFERENCES orders
) STRICT;

CREATE INDEX refunds_of_order ON refunds (channel, account, sub_account, number);

-- Codes by their keyed hash; a code itself is kept nowhere.
CREATE TABLE codes (
  hash       TEXT PRIMARY KEY,
  first_seen INTEGER NOT NULL,
  used       INTEGER NOT NULL CHECK (used IN (0, 1))
) STRICT;

-- Each pay, reverse and refund request that arrived, with what was answered: the evidence of who asked how often.
CREATE TABLE calls (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  call        TEXT NOT NULL CHECK (call IN ('pay', 'reverse', 'refund')),
  channel     TEXT NOT NULL,
  account     TEXT NOT NULL,
  sub_account TEXT NOT NULL,
  number      TEXT NOT NULL,
  answer      TEXT NOT NULL
) STRICT;
