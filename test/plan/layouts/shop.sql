orders: order_id bigint, user_id int, status varchar(20), amount decimal(10.2), created datetime; primary order_id
order_items: item_id bigint, order_id bigint, user_id int, sku varchar(40), quantity int; primary item_id
users: user_id int, name varchar(40), country char(2); primary user_id
logs: code varchar(40), message varchar(200), at datetime; primary code
countries: code char(2), name varchar(60); primary code
notes@ds_0: id int auto, body text; primary id
audits@ds_1: id int auto, order_id bigint, what varchar(20); primary id
