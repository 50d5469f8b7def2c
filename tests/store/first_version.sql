-- A small market as the first version kept it; two stalls of one vendor sell the same goods.
INSERT INTO markets (code, name_zh, name_en, region, address) VALUES ('M', '市', 'M', '530802', '');
INSERT INTO vendors (market_id, name_zh, name_en, taxpayer_kind, tax_id, self_produced)
VALUES (1, '李', 'Li', 'small_scale', '92532528MA6L45LX6L', false), (1, '王', 'Wang', 'general', 'X', false);
INSERT INTO stalls (market_id, vendor_id, code, name_zh, name_en, kind_zh, kind_en, place_zh, place_en, is_open,
                    default_name_zh, default_name_en, default_tax_code, default_tax_class)
VALUES (1, 1, 'A01', '甲', 'A', '', '', '', '', true, '蔬菜', 'Vegetables', '1010112060000000000', 'vegetable'),
       (1, 1, 'A02', '乙', 'B', '', '', '', '', true, '蔬菜', 'Vegetables', '1010112060000000000', 'vegetable'),
       (1, 2, 'A03', '丙', 'C', '', '', '', '', true, '食品', 'Food', '1030105010100000000', 'processed_food');
INSERT INTO goods (market_id, stall_id, sku, name_zh, name_en, unit, price_fen, tax_code, tax_class, available)
VALUES (1, 1, 'g', '菜', 'Greens', '斤', 100, '1010112060000000000', 'vegetable', true),
       (1, 2, 'g', '菜', 'Greens', '斤', 120, '1010112060000000000', 'vegetable', true);
INSERT INTO orders (id, market_id, stall_id, vendor_id, token_hash, out_trade_no, status, amount_fen, created_at,
                    expires_at, paid_at)
SELECT gen_random_uuid(), 1, stall, vendor, sha256(no::bytea), no, 'paid', amount, at, at, at
FROM (VALUES (1, 1, 'one', 1000, timestamptz '2026-11-22 16:10Z'), (1, 1, 'two', 500, '2026-11-22 16:50Z'),
             (3, 2, 'three', 1130, '2026-11-22 15:59Z')) AS o (stall, vendor, no, amount, at);
INSERT INTO order_lines (order_id, n, name_zh, name_en, unit, quantity, unit_price, amount_fen, tax_code, tax_class)
SELECT o.id, 0, '菜', 'Greens', '份', 1, amount_fen / 100.0, amount_fen, s.default_tax_code, s.default_tax_class
FROM orders AS o JOIN stalls AS s ON s.id = o.stall_id;
INSERT INTO payments (market_id, order_id, provider, transaction_id, amount_fen, paid_at, recorded_at, disposition)
SELECT 1, id, 'sandbox', out_trade_no, amount_fen, paid_at, paid_at, 'settles' FROM orders;
INSERT INTO sales (order_id, market_id, payment_id, amount_fen, body, salt, commitment)
SELECT o.id, 1, p.id, o.amount_fen, '', sha256('s'), sha256(o.id::text::bytea)
FROM orders AS o JOIN payments AS p ON p.order_id = o.id;
INSERT INTO invoices (number, market_id, order_id, stall_id, vendor_id, token_hash, body, body_salt, net_fen,
                      tax_fen, total_fen, issued_at, claim_address, claim_key)
SELECT '26539000000000000001', 1, id, stall_id, vendor_id, sha256('t'), '', sha256('s'), 1000, 0, 1000,
       '2026-11-22 17:00Z', '\x0102030405060708091011121314151617181920', '' FROM orders WHERE out_trade_no = 'one'

