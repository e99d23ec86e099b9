"""Django's ORM with its schema editor, on mysqlclient."""
import os
import sys

import django
from django.conf import settings

env = os.environ
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "NAME": env["DB_NAME"],
            "USER": env["DB_USER"],
            "PASSWORD": env["DB_PASSWORD"],
            "HOST": env["DB_HOST"],
            "PORT": env["DB_PORT"],
            "OPTIONS": {"charset": "utf8mb4"},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.db import connection, models, transaction  # noqa: E402

checks = 0


def check(actual, expected, what):
    global checks
    checks += 1
    if actual != expected:
        sys.exit(f"{what}: {actual!r} instead of {expected!r}")


class Order(models.Model):
    order_id = models.BigAutoField(primary_key=True)
    user_id = models.IntegerField()
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    note = models.CharField(max_length=200)

    class Meta:
        app_label = "shop"
        db_table = "orders"


with connection.cursor() as cursor:
    cursor.execute("DROP TABLE IF EXISTS orders")
with connection.schema_editor() as editor:
    editor.create_model(Order)
check("orders" in connection.introspection.table_names(), True, "table names")
first = Order.objects.create(user_id=77, amount="1.25", note="first")
check(Order.objects.get(order_id=first.order_id, user_id=77).note, "first", "create")
# On MariaDB one INSERT ... RETURNING: the keys come back in the order of the rows.
made = Order.objects.bulk_create(
    [Order(user_id=index % 10, amount=index, note=f"row {index} ü 🐬") for index in range(200)]
)
for order in (made[0], made[7], made[199]):
    check(Order.objects.get(order_id=order.order_id, user_id=order.user_id).note, order.note, "bulk_create")
check(Order.objects.count(), 201, "count")
check([order.note for order in Order.objects.filter(user_id=3).order_by("amount")[:2]], ["row 3 ü 🐬", "row 13 ü 🐬"], "filter")
totals = Order.objects.filter(user_id__lt=2).values("user_id").annotate(total=models.Sum("amount")).order_by("user_id")
check([int(row["total"]) for row in totals], [1900, 1920], "annotate")
with transaction.atomic():
    check(Order.objects.filter(user_id=3).update(note="x"), 20, "update")
    try:
        with transaction.atomic():
            Order.objects.filter(user_id=3).delete()
            raise ValueError
    except ValueError:
        pass
check(Order.objects.filter(note="x").count(), 20, "after the rollback to the savepoint")
check(Order.objects.exclude(user_id=3).filter(note__contains="ü").exists(), True, "exists")
with connection.cursor() as cursor:
    check([field.name for field in connection.introspection.get_table_description(cursor, "orders")], ["order_id", "user_id", "amount", "note"], "description")
print(f"ok {checks}")
