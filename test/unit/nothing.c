/* nothing.c - a program that does nothing, to be linked with a whole room */
int
main(void)
{
	return 0;
}
