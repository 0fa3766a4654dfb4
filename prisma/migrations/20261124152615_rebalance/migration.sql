-- AlterTable
ALTER TABLE "task" ADD COLUMN     "is_moving" BOOLEAN NOT NULL DEFAULT false;
