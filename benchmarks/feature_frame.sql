-- The 27 columns of the feature frame in one DuckDB statement, with the windows and defaults of
-- conf/base/feature_engineering/parameters.yml written out: what feature_engineering is measured
-- against. It reads the tables orders, users, inventory, regulars and abandoned_carts.
WITH all_orders AS (
    SELECT
        id AS order_id,
        user_id,
        created_at,
        user_order_seq,
        created_at::DATE AS day,
        date_trunc('month', created_at)::DATE AS month
    FROM orders
),

repeat_orders AS (
    SELECT * FROM all_orders WHERE user_order_seq >= 2
),

products AS (
    SELECT
        variant_id,
        price,
        coalesce(nullif(product_type, ''), 'unknown') AS product_type,
        coalesce(nullif(vendor, ''), 'unknown') AS vendor,
        CASE WHEN NOT isnan(price) THEN price END AS price_paid,
        CASE WHEN NOT isnan(compare_at_price) THEN compare_at_price END AS price_elsewhere
    FROM inventory
),

priced AS (
    SELECT
        variant_id,
        product_type,
        vendor,
        price_paid / max(price_paid) OVER () AS normalised_price,
        coalesce((price_elsewhere - price_paid) / price_paid, 0) AS discount_pct
    FROM products
    WHERE price_paid > 0
),

purchases AS (
    SELECT order_id, user_id, created_at, day, variant_id
    FROM all_orders
    JOIN (SELECT DISTINCT id AS order_id, unnest(ordered_items) AS variant_id FROM orders)
        USING (order_id)
    WHERE variant_id IS NOT NULL
),

type_purchases AS (
    SELECT DISTINCT order_id, user_id, created_at, day, product_type
    FROM purchases JOIN products USING (variant_id)
),

-- Sales that follow each other within 30 days list a product without a break.
sales AS (
    SELECT
        variant_id,
        created_at,
        created_at - lag(created_at) OVER by_product <= INTERVAL 30 DAY AS listed_still
    FROM (SELECT DISTINCT variant_id, created_at FROM purchases SEMI JOIN priced USING (variant_id))
    WINDOW by_product AS (PARTITION BY variant_id ORDER BY created_at)
),

periods AS (
    SELECT
        variant_id,
        min(created_at) AS listed_from,
        max(created_at) + INTERVAL 30 DAY AS listed_until
    FROM (
        SELECT
            *,
            count(*) FILTER (listed_still IS NOT true)
                OVER (PARTITION BY variant_id ORDER BY created_at) AS period
        FROM sales
    )
    GROUP BY variant_id, period
),

listed AS (
    SELECT repeat_orders.*, variant_id
    FROM repeat_orders
    JOIN periods ON created_at > listed_from AND created_at <= listed_until
),

popularity AS (
    SELECT today AS day, variant_id, count(*) / any_value(recent_orders) AS global_popularity
    FROM (
        SELECT today, count(*) AS recent_orders
        FROM (SELECT DISTINCT day AS today FROM repeat_orders)
        JOIN all_orders ON day BETWEEN today - 14 AND today - 1
        GROUP BY today
    )
    JOIN purchases ON day BETWEEN today - 14 AND today - 1
    GROUP BY today, variant_id
),

bought_before AS (
    SELECT o.order_id, p.variant_id, min(o.day - p.day) AS days
    FROM repeat_orders AS o
    JOIN purchases AS p ON p.user_id = o.user_id AND p.created_at < o.created_at
    GROUP BY ALL
),

type_bought_before AS (
    SELECT o.order_id, p.product_type, min(o.day - p.day) AS days
    FROM repeat_orders AS o
    JOIN type_purchases AS p ON p.user_id = o.user_id AND p.created_at < o.created_at
    GROUP BY ALL
),

order_times AS (
    SELECT
        user_id,
        created_at,
        lag(created_at) OVER (PARTITION BY user_id ORDER BY created_at) AS previous
    FROM (SELECT DISTINCT user_id, created_at FROM all_orders)
),

abandoned AS (
    SELECT DISTINCT o.order_id, c.variant_id
    FROM repeat_orders AS o
    JOIN order_times AS t USING (user_id, created_at)
    JOIN (
        SELECT user_id, created_at AS left_at, unnest(variant_id) AS variant_id
        FROM abandoned_carts
    ) AS c
        ON c.user_id = o.user_id
        AND c.left_at < o.created_at
        AND c.left_at > coalesce(t.previous, TIMESTAMP '-infinity')
),

-- Shops that record no snoozes have regulars without these two columns.
snoozes AS (
    FROM regulars
    UNION ALL BY NAME
    (SELECT NULL::TIMESTAMP AS snoozed_at, NULL::TIMESTAMP AS snoozed_until LIMIT 0)
),

snoozed AS (
    SELECT DISTINCT o.order_id, r.variant_id
    FROM repeat_orders AS o
    JOIN snoozes AS r
        ON r.user_id = o.user_id
        AND r.snoozed_at < o.created_at
        AND r.snoozed_until >= o.created_at
),

regular AS (
    SELECT DISTINCT o.order_id, r.variant_id
    FROM repeat_orders AS o
    JOIN regulars AS r ON r.user_id = o.user_id AND r.created_at < o.created_at
),

gaps AS (
    SELECT variant_id, day, day - lag(day) OVER by_user AS gap
    FROM purchases
    WINDOW by_user AS (PARTITION BY user_id, variant_id ORDER BY created_at, order_id)
),

type_gaps AS (
    SELECT product_type, day, day - lag(day) OVER by_user AS gap
    FROM type_purchases
    WINDOW by_user AS (PARTITION BY user_id, product_type ORDER BY created_at, order_id)
),

rhythm AS (
    SELECT month, variant_id, median(gap) AS middle, stddev_samp(gap) AS deviation
    FROM (SELECT DISTINCT month FROM repeat_orders)
    JOIN gaps ON day < month
    WHERE gap IS NOT NULL
    GROUP BY month, variant_id
    HAVING count(*) >= 5
),

type_rhythm AS (
    SELECT month, product_type, median(gap) AS middle, stddev_samp(gap) AS deviation
    FROM (SELECT DISTINCT month FROM repeat_orders)
    JOIN type_gaps ON day < month
    WHERE gap IS NOT NULL
    GROUP BY month, product_type
    HAVING count(*) >= 5
),

households AS (
    SELECT
        user_id,
        coalesce(CASE WHEN NOT isnan(count_adults) THEN count_adults END, 2) AS count_adults,
        coalesce(CASE WHEN NOT isnan(count_children) THEN count_children END, 0) AS count_children,
        coalesce(CASE WHEN NOT isnan(count_babies) THEN count_babies END, 0) AS count_babies,
        coalesce(CASE WHEN NOT isnan(count_pets) THEN count_pets END, 0) AS count_pets
    FROM users
)

SELECT
    listed.variant_id,
    priced.product_type,
    listed.order_id,
    listed.user_id,
    listed.created_at,
    listed.day::TIMESTAMP AS order_date,
    listed.user_order_seq::BIGINT AS user_order_seq,
    (bought.variant_id IS NOT NULL)::DOUBLE AS outcome,
    (bought_before.variant_id IS NOT NULL)::DOUBLE AS ordered_before,
    (abandoned.variant_id IS NOT NULL)::DOUBLE AS abandoned_before,
    (snoozed.variant_id IS NOT NULL)::DOUBLE AS active_snoozed,
    (regular.variant_id IS NOT NULL)::DOUBLE AS set_as_regular,
    priced.normalised_price,
    priced.discount_pct,
    priced.vendor,
    coalesce(popularity.global_popularity, 0) AS global_popularity,
    coalesce(households.count_adults, 2) AS count_adults,
    coalesce(households.count_children, 0) AS count_children,
    coalesce(households.count_babies, 0) AS count_babies,
    coalesce(households.count_pets, 0) AS count_pets,
    coalesce(households.count_adults + households.count_children, 2) AS people_ex_baby,
    coalesce(bought_before.days, 33)::DOUBLE AS days_since_purchase_variant_id,
    coalesce(rhythm.middle, 34) AS avg_days_to_buy_variant_id,
    coalesce(rhythm.deviation, 27.693045) AS std_days_to_buy_variant_id,
    coalesce(type_bought_before.days, 30)::DOUBLE AS days_since_purchase_product_type,
    coalesce(type_rhythm.middle, 34) AS avg_days_to_buy_product_type,
    coalesce(type_rhythm.deviation, 27.693045) AS std_days_to_buy_product_type
FROM listed
JOIN priced USING (variant_id)
LEFT JOIN purchases AS bought USING (order_id, variant_id)
LEFT JOIN bought_before USING (order_id, variant_id)
LEFT JOIN abandoned USING (order_id, variant_id)
LEFT JOIN snoozed USING (order_id, variant_id)
LEFT JOIN regular USING (order_id, variant_id)
LEFT JOIN popularity ON popularity.day = listed.day AND popularity.variant_id = listed.variant_id
LEFT JOIN households ON households.user_id = listed.user_id
LEFT JOIN type_bought_before USING (order_id, product_type)
LEFT JOIN rhythm USING (month, variant_id)
LEFT JOIN type_rhythm USING (month, product_type)
ORDER BY listed.created_at, listed.order_id, listed.variant_id
