-- CreateTable
CREATE TABLE "failing_run" (
    "loop" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "error" TEXT NOT NULL,
    "failures" INTEGER NOT NULL,
    "first_failed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_failed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "failing_run_pkey" PRIMARY KEY ("loop","key")
);
